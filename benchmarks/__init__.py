"""What an explanation costs and how exact it is, beside a bare loop and other tools; see README.md here."""
