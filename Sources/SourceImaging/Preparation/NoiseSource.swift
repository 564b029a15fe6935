/// What the noise covariance is taken from.
public enum NoiseSource: String, Sendable, CaseIterable {
    /// From the epochs in the window, or from the covariance that is given, else the samples before time 0: whichever
    /// makes epochs that were held out more likely.
    case automatic = "auto"
    /// From the covariance that is given.
    case covariance
    /// From the samples before time 0, whether a covariance is given or not.
    case baseline
    /// From what differs between epochs in the window, whether a covariance is given or not.
    case epochs

    /// Throws where the inputs do not hold what is asked for.
    func check(_ recording: Recording, _ covariance: NoiseCovariance?) throws(InputError) {
        if self == .covariance, covariance == nil {
            throw InputError(
                .noise, found: "covariance, but none is given", expected: "a noise covariance",
                advice: "give it with \(.covariance), or leave \(.noise) out")
        }
        if self == .epochs, recording.epochs.count < 2 {
            throw InputError(
                .noise, found: "epochs, but the recording holds one " + (recording.averages != 1 ? "average" : "epoch"),
                expected: "a recording of several epochs", advice: "use \(.noise) baseline, or give a \(.covariance)")
        }
    }
}
