"""Where tournaments are played: in this process, or in others of this machine.  None knows torch or metrics."""
