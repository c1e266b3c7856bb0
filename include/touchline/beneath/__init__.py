"""Where anybody may have put anything: files are reached below a folder, and never through a link."""
