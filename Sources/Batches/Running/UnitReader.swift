import Foci
import Foundation

/// Reads what recordings of units are made of, one after another.
///
/// A forward model that units share is kept from one to the next, with what was prepared of it. Not for use by several
/// threads at once.
public final class UnitReader {
    /// What a recording is localized from.
    public struct Contents {
        /// Settings and options of reading.
        public let recipe: Recipe
        /// Forward model, recording and covariance.
        public let files: LocalizationFiles.Contents
        /// What recordings with this forward share.
        public let shared: SharedPreparation
    }

    private let recipe: @Sendable (_ arguments: [String]) throws -> Recipe
    private var forward: (stamp: InputStamp, value: Forward)?
    private var shared: SharedPreparation?

    /// - Parameter recipe: what options mean.
    public init(recipe: @escaping @Sendable ([String]) throws -> Recipe) { self.recipe = recipe }

    /// What options mean.
    func settings(_ arguments: [String]) throws -> LocalizationSettings { try recipe(arguments).settings }

    /// Reads an entry of a unit.
    ///
    /// - Parameter arguments: its options, as `foci localize` takes them.
    /// - Throws: ``InputError`` naming the file or the option and what is wrong with it.
    public func read(_ entry: BatchEntry, of unit: BatchUnit, _ arguments: [String]) throws -> Contents {
        var recipe = try recipe(arguments)
        if let selector = entry.selector { recipe.reading.conditions = [selector] }
        let stamp = try InputStamp(unit.forward)
        let kept = forward.flatMap {
            $0.stamp.path == stamp.path && $0.stamp.modified == stamp.modified ? $0.value : nil
        }
        if kept == nil { (forward, shared) = (nil, nil) }
        let files = LocalizationFiles(
            forward: unit.forward, recording: entry.recording, covariance: unit.covariance, options: recipe.reading)
        let contents = try files.read(forward: kept)
        forward = (stamp, contents.forward)
        let preparation = shared ?? SharedPreparation()
        shared = preparation
        return Contents(recipe: recipe, files: contents, shared: preparation)
    }
}
