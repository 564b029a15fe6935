/// A subject of a joint localization, in one condition.
public struct JointSubject: Sendable {
    /// Whose recording it is; no two subjects have the same.
    public let name: String
    /// How its sources are chosen and told.
    public let settings: LocalizationSettings
    let recording: Recording
    let forward: Forward
    let covariance: NoiseCovariance?
    let shared: SharedPreparation?

    /// A subject by its name and data.
    ///
    /// - Parameters:
    ///   - name: whose recording it is.
    ///   - settings: how its sources are chosen; reweighted or refined ones, and no stability.
    ///   - recording: what the sensors measured.
    ///   - forward: what each source would look like.
    ///   - covariance: noise of one epoch; nil estimates it from the recording.
    ///   - shared: what recordings with the same forward share.
    public init(
        name: String, settings: LocalizationSettings, recording: Recording, forward: Forward,
        covariance: NoiseCovariance?, shared: SharedPreparation? = nil
    ) {
        self.name = name
        self.settings = settings
        self.recording = recording
        self.forward = forward
        self.covariance = covariance
        self.shared = shared
    }
}
