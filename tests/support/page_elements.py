"""The elements of a page, and a text that would be markup."""

from html.parser import HTMLParser

EVIL = "<script>&\"'"


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
