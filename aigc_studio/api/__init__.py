"""Other programs on this machine ask for generations over HTTP: off by default, loopback only, with a token.

`service` runs the jobs of one project without a window; `app` is what is heard over HTTP; `guard` decides who is heard.
"""
