"""As `accounts.scoped_admin.local_time` writes them: 24 hours, and never without the time zone."""

DATE_FORMAT = SHORT_DATE_FORMAT = "d M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "d M Y, H:i T"
FIRST_DAY_OF_WEEK = 1
