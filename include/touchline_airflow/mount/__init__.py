"""What lies below NAS_MOUNT_PATH: which of it are recordings, by name, place and age."""
