"""One module per command: it reads the files of earlier steps and writes its own result."""
