"""What is installed and built: virtual environments, lock files, images, and an engine to build them with."""
