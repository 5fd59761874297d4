// Carries only the precompiled header of src/.
