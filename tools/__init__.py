"""What build.py is made of. Standard library only: all but contact_sheet.py runs before anything is installed."""
