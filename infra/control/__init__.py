"""What the command line asks of Starling: through the running server, or of the folder itself.

Suggested reading: `requests.py`, `operator.py`, `reach.py`, `socket.py`.
"""
