"""What stands between the steps: requests, results and the files of a match on the disk."""
