"""Numbers that identify bills, people and accounts: one noun a module, with `is_valid_x` and `parse_x`.

`parse_x` takes what people type and files hold (Persian digits, spaces, hyphens) and gives the canonical form, or
raises IdentifierError with one of these reasons:

`length`            too few or too many digits
`digits`            something that is not a digit where one must be
`check_digit`       the check digit does not fit; a digit was misread
`check_digit_pair`  a payment id that does not belong to its bill id
`repeated`          one digit repeated, which the arithmetic may accept but nobody holds
`serial`            a serial part of zeros only
`range`             a field that has no place in the identifier
`prefix`            a mobile number or an IBAN of another kind or country

No message of these errors holds a whole identifier, because messages reach logs: all but the last four
characters are masked.

`arrays` has the same checks over NumPy arrays, for scans of millions of bills.
"""
