"""From scan signals and spottings to the actions of a match."""
