"""The documentation as pages to open in a browser: README, docs/, the API and every setting.

`python -m docsite` puts the sources of the site together in build/docs/source, a Markdown file a
page, and has Sphinx make HTML of them in build/docs/html. Nothing is fetched, then or when a page
is opened.
"""
