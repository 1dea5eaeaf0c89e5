"""Rankings as files and pictures to hand on."""
