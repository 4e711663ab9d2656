"""What the compiler reads.  It imports no torch: what programs run is in `gencc_example.runtime`."""

from pydantic import Field

from gencc.dsl import vocabulary as v


class Cyclic(v.TokenKernel):
    """Move to nearby tokens on a circle, such as directions, hours or pitches."""

    word = "cyclic"
    runtime = "gencc_example.runtime:Cyclic"
    suits = (v.Discrete,)  # an `ordinal` variable has ends
    keep: v.Schedule = Field(
        default_factory=v.Cosine, description="correlation left in the slowest mode, over the trajectory"
    )
    reach: v.Positive = Field(1, description="longest hop of one step")


class Palindrome(v.OrderOperator):
    """`palindrome(e)`: e, then e backwards."""

    word = "palindrome"
    body: v.Order = Field(description="what is visited both ways")

    def rewrite(self) -> v.Order:
        return v.Then(parts=(self.body, v.Reverse(body=self.body)))


class Brier(v.TokenTarget):
    """The score of Brier (1950): bounded, so that a few tokens no network could foresee do not rule the gradient."""

    word = "brier"
    of = "clean"
    score = "gencc_example.runtime:brier"


class Edm(v.VectorTarget):
    """The target of EDM (Karras et al., arXiv 2206.00364): of variance 1 at every noise level."""

    word = "edm"
    learned = "gencc_example.runtime:edm"
    clean = "gencc_example.runtime:clean_from_edm"
    data: v.Rate = Field(1.0, description="standard deviation of clean data")
