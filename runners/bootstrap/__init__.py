"""What is sent as text to a host that has nothing of ours, and run there by its own Python: standard library only.

Each script is fed by standard input behind its own text: one line of JSON, then bytes. It answers in lines of JSON
behind the mark that this line named, so that what a shell's start-up files print is told apart.
"""
