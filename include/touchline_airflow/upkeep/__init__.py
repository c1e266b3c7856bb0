"""What is removed, closed or set right by itself: `tidy`, `retention`, `clean_database`, `check_nas`."""
