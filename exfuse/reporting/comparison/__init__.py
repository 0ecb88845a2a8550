"""Two reproductions side by side, from the files of two results folders alone; neither's ``params/`` is read."""
