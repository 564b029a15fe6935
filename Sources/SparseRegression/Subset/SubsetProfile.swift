/// A subset of atoms that a caller makes up, and what every atom explains beside it.
///
/// Where several problems are searched at once, no problem's own best atom decides: the caller weighs the scores of all.
/// Not for use by several threads at once.
public final class SubsetProfile {
    /// What can be chosen.
    public let dictionary: AtomDictionary
    private let power: AtomDictionary.Power
    private let beside: AtomScores

    /// The empty subset.
    ///
    /// - Parameters:
    ///   - dictionary: what can be chosen.
    ///   - response: Y, n × T; another n than the dictionary's is a programming error.
    /// - Complexity: O(q·T·(n + w)) for w nonzero weights a column of all families.
    public init(_ dictionary: AtomDictionary, response: Matrix) {
        self.dictionary = dictionary
        power = dictionary.power(of: response)
        beside = AtomScores(beside: SubsetFit(to: power), of: power, in: dictionary)
    }

    /// The subset.
    public var atoms: [AtomDictionary.Atom] { beside.fit.atoms }

    /// By how much min ‖Y − fit‖² + ridge falls when an atom joins, a family an array; 0 where the subset has its block.
    ///
    /// - Complexity: O(number of atoms).
    public var scores: [[Double]] { beside.all() }

    /// Makes it another subset; false, and no change, where but for rounding its columns depend on one another.
    ///
    /// - Parameter atoms: of different blocks.
    /// - Complexity: O(q·(n + k + w)) times the width of an atom that joined, where no more than one joined and one left.
    @discardableResult
    public func move(to atoms: [AtomDictionary.Atom]) -> Bool {
        let atoms = atoms.map(beside.directed)
        guard let fit = SubsetFit(atoms, to: power, in: dictionary, after: beside.fit) else { return false }
        beside.move(to: fit)
        return true
    }
}
