"""Phones and boards over adb: by adb-shell (TCP, USB) or through a running adb server."""
