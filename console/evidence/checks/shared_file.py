"""A file with more than one name: whose hands it is in."""

import os
import stat

ALONE = "a file that nobody else can change"


def shared_with(found: os.stat_result) -> str:
    """Why a file could be changed behind our back by another of its names; empty where it can't.

    A second name lies where its file's writers may reach it, however closed this folder is. Where only we or root may
    write the file, there is nobody to do it: so installers link from a cache, and `cp -al` copies.
    """
    if found.st_nlink == 1:
        return ""
    if found.st_uid not in (os.geteuid(), 0):
        return f"{found.st_nlink} links, and user {found.st_uid} owns it"
    who = "its group" if found.st_mode & stat.S_IWGRP else "everybody" if found.st_mode & stat.S_IWOTH else ""
    return f"{found.st_nlink} links, and {who} may write it" if who else ""
