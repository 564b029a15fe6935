/// What noise alone makes a source explain: the charge that every source of a subset has to be worth.
///
/// What the best single source explains of stretches of whitened noise before time 0 has a distribution, that of a Gumbel
/// variable in its logarithm; the charge is what noise exceeds at a given rate, never less than white noise does.
/// Stretches are as long as the window where the baseline allows, else what they explain is scaled up by as much as white
/// noise of both lengths says. Where the covariance comes from the baseline itself, each fifth is whitened by what the other four say: a
/// covariance never looks wrong on the samples that it was made from. Real noise is neither white in time nor as the
/// covariance says, and a few sources explain more of it than of white noise: the charge includes that, measured.
public struct NoiseCharge: Sendable, Equatable {
    /// τ, as ‖Y‖² of whitened data: dimensionless, not negative.
    public let value: Double
    /// Stretches of the baseline that it was measured on; 0 where it comes from white noise alone.
    public let stretches: Int
    /// Length of a stretch, samples; 0 where there is none.
    public let length: Int

    /// A charge as a file of results gives it; a localization measures its own.
    public init(value: Double, stretches: Int, length: Int) {
        self.value = value
        self.stretches = stretches
        self.length = length
    }
}
