"""Rewards of pictures for `pgraft_t2i.gen`: each gets the columns `image`, arrays (height, width, 3) of bytes, and `prompt`."""


def area(columns):
    """The share of a picture that is not white: how large what is shown is."""
    return [float((image.min(-1) < 160).mean()) for image in columns["image"]]
