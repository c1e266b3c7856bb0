"""What the tests of several folders share: running Airflows, stacks, engines, servers, footage."""
