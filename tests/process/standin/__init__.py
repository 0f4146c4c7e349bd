"""Stands in for what this machine lacks, under its own module's name: the folder goes onto a process's path."""
