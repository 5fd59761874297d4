// The compiled BPF programs, as part of slurper-trace.
  .section .rodata
  .global slurper_trace_object
  .global slurper_trace_object_end
  .balign 16
slurper_trace_object:
  .incbin SLURPER_TRACE_OBJECT
slurper_trace_object_end:
  .byte 0
  .section .note.GNU-stack, "", @progbits
