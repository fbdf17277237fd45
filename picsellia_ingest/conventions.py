"""What a source's coordinates may mean, where a user has to say it: the usual meaning first."""

CONVENTIONS = {
    "voc_coordinates": ("as_written", "inclusive"),
    "coordinates": ("pixels", "normalised"),
    "exif": ("as_shown", "as_stored"),
}
