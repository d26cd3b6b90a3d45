"""One module per section of the page: it reads what a run left and gives a typed view."""
