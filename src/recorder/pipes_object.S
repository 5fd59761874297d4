// The compiled BPF iterators of pipes.bpf.c, as part of slurper-pipes.
  .section .rodata
  .global slurper_pipes_object
  .global slurper_pipes_object_end
  .balign 16
slurper_pipes_object:
  .incbin SLURPER_PIPES_OBJECT
slurper_pipes_object_end:
  .byte 0
  .section .note.GNU-stack, "", @progbits
