"""What bounds untrusted input: files, paths, text, time and memory."""
