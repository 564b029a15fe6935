import Foci
import Foundation

/// The group level: the estimates of all subjects that are done, brought together.
public struct GroupRun {
    /// How subjects are brought together.
    public struct Settings: Sendable {
        /// How near sources are that count as one, m; nil by the common space.
        public var radius: Double?
        /// Where a subject's transform to MNI space is, with `{subject}`; nil for none.
        public var transform: String?
        /// Draws that tell what chance makes.
        public var permutations: Int

        public init(radius: Double?, transform: String?, permutations: Int) {
            self.radius = radius
            self.transform = transform
            self.permutations = permutations
        }
    }

    /// What was made.
    public struct Made: Sendable { public let summary: String }

    private let folder: BatchFolder
    private let settings: Settings

    public init(_ folder: BatchFolder, _ settings: Settings) {
        self.folder = folder
        self.settings = settings
    }

    public func run(monitor: Monitor) throws -> Made { Made(summary: "") }
}
