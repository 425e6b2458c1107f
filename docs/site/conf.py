"""How Sphinx makes the site: Markdown alone, nothing fetched, a broken link or anchor an error."""

project = "tl-run"
author = "the authors of tl-run"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
language = "en"
nitpicky = False  # types in signatures are of torch and Python too, which have no page here

myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 4  # the anchors of headings as they are on a forge
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "tl-run"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": False}
pygments_style = "friendly"
pygments_dark_style = "monokai"

add_module_names = False
maximum_signature_line_length = 88  # a longer one has a parameter a line
toc_object_entries_show_parents = "hide"
smartquotes = False
