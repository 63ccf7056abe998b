"""Turns the selection of a read field into one SQL statement that returns the answer as JSON text.

The way of a document: `plan` reads its selections as typed nodes (`nodes`), by what types say of themselves
(`mapping`), and checks permissions; `sql` builds the statement; `statement` renders it once; `prepared` keeps it under
the document and the shape of its variables and binds their values.
"""
