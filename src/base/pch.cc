// Carries the precompiled header of src/, and nothing else.
