"""What every page of the back office builds on: the base class, acts, filters, exports. The pages themselves: `admin`.

Apart from `admin`, for the site class imports this, and importing `admin` registers pages on the site.
"""
