/// Best-subset regression over atoms by exchange: few atoms S that make ‖Y − Σ_S D_jB_j‖² + Σ_S c_j‖B_j‖² + τ·|S| small.
///
/// The number of atoms is charged itself, not through a norm: λ, depth weights and the scale of reweighting play no part.
/// The ridge c_j = c·(largest squared column of D_j) takes a part c/(1 + c) from the amplitude of an atom on its own and
/// keeps atoms that nearly coincide from cancelling each other. From every start, atoms are exchanged one at a time for
/// the best atom anywhere (alternating projection: Ziskind & Wax 1988, for brain sources Adler et al. 2022), dropped where
/// they explain less than τ, and added where they explain more, until no exchange, drop or addition lowers the objective.
/// That is a local minimum of a problem without tractable certificate; the best over the starts is returned. Each move
/// lowers the objective, exchanges and additions by more than rounding, so the moves end. In a dictionary that keeps directions
/// D_j is one combination D_ju_j of an atom's columns, which an exchange chooses, too, or all of them at a charge of their own.
public struct SubsetSelection: Sendable {
    /// τ: what an atom must explain of ‖Y‖² to be worth its place.
    public var charge: Double
    /// Most atoms.
    public var maximumCount: Int
    /// What the charge of an atom is below τ, a number a block, negative where it is above: some places are likelier than
    /// others before the response is looked at. nil: the same charge everywhere.
    public var relief: [Double]?

    /// A selection.
    ///
    /// - Parameters:
    ///   - charge: τ, positive; ``search(_:_:monitor:)`` throws for another.
    ///   - maximumCount: most atoms; none below 1.
    ///   - relief: a finite number a block, below τ; ``search(_:_:monitor:)`` throws for others.
    public init(charge: Double, maximumCount: Int = 30, relief: [Double]? = nil) {
        self.charge = charge
        self.maximumCount = maximumCount
        self.relief = relief
    }

    /// What was selected.
    public struct Outcome: Sendable {
        /// The atoms, ordered by block.
        public let atoms: [AtomDictionary.Atom]
        /// Coefficients over the columns of the atoms in their order, T × columns, in units of response over design.
        public let coefficients: Matrix
        /// By how much the objective without its charges would rise without each atom, the others refitted.
        public let scores: [Double]
        /// The objective at the end of the descent from each start.
        public let objectives: [Double]
        /// Whether no exchange, drop or addition lowers the objective by more than rounding: each that the scores promise
        /// was tried and did not, but for turns at their block of atoms that keep directions, and what gains less than these,
        /// for less than a hundredth of τ. Else another atom would have, beyond the most, or what was to be tried could not be
        /// fitted, since its atoms coincide but for rounding, or the caller cancelled.
        public let isSettled: Bool
        /// Looks at all atoms, over all starts.
        public let looks: Int
        /// Whether the caller cancelled.
        public let isCancelled: Bool

        /// The objective: the smallest of ``objectives``.
        public var objective: Double { objectives.min() ?? .nan }

        /// Other atoms of the same search, ordered by block.
        func with(_ fit: SubsetFit, looks: Int, isCancelled: Bool) -> Outcome {
            Outcome(
                atoms: fit.atoms, coefficients: fit.coefficients, scores: fit.dropCosts, objectives: objectives,
                isSettled: isSettled, looks: self.looks + looks, isCancelled: isCancelled)
        }

        /// The same subset in terms of another dictionary.
        public func renamed(_ atoms: [AtomDictionary.Atom]) -> Outcome {
            Outcome(
                atoms: atoms, coefficients: coefficients, scores: scores, objectives: objectives,
                isSettled: isSettled, looks: looks, isCancelled: isCancelled)
        }
    }

    /// A search for one response, whose steps go on where the one before ended.
    ///
    /// - Parameters:
    ///   - dictionary: what can be selected; at most one atom of a block is.
    ///   - power: of the response, from this dictionary or from one of another ridge.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` for a charge that is not a positive number.
    public func search(
        _ dictionary: AtomDictionary, _ power: AtomDictionary.Power, monitor: Monitor = .silent
    ) throws(InvalidPenalty) -> SubsetSearch {
        guard charge > 0, charge.isFinite else {
            throw .shape(name: "the charge for a source", value: charge, expected: "a positive number")
        }
        if let relief {
            precondition(relief.count == dictionary.families.first?.blocks.count, "one relief a block")
            if let wrong = relief.first(where: { !($0.isFinite && $0 < charge) }) {
                throw .shape(name: "what a charge is lowered by", value: wrong, expected: "less than the charge")
            }
        }
        return SubsetSearch(self, dictionary, power, monitor)
    }

    /// Selects atoms; see ``SubsetSearch/run(starts:spare:)``.
    ///
    /// - Parameter response: Y, n × T; another n than the dictionary's is a programming error.
    /// - Throws: as ``search(_:_:monitor:)``.
    public func run(
        _ dictionary: AtomDictionary, response: Matrix, starts: [[AtomDictionary.Atom]] = [], spare: Int = .max,
        monitor: Monitor = .silent
    ) throws(InvalidPenalty) -> Outcome {
        try search(dictionary, dictionary.power(of: response), monitor: monitor).run(starts: starts, spare: spare)
    }

    /// The ridge regression of a response on given atoms, with their directions, T × columns; nil where their columns depend
    /// on one another, which those of atoms that a search could fit do not.
    ///
    /// - Complexity: O(n·k·(k + T)), no product with the design.
    public func coefficients(
        _ atoms: [AtomDictionary.Atom], _ dictionary: AtomDictionary, response: Matrix
    ) -> Matrix? {
        let power = AtomDictionary.Power(response: response, squares: [])
        return SubsetFit(atoms, to: power, in: dictionary, after: SubsetFit(to: power))?.coefficients
    }
}
