/// Best-subset regression over atoms by exchange: few atoms S that make ‖Y − Σ_S D_jB_j‖² + Σ_S c_j‖B_j‖² + τ·|S| small.
///
/// The number of atoms is charged itself, not through a norm: λ, depth weights and the scale of reweighting play no part.
/// The ridge c_j = c·(largest squared column of D_j) takes a part c/(1 + c) from the amplitude of an atom on its own and
/// keeps atoms that nearly coincide from cancelling each other. From every start, atoms are exchanged one at a time for
/// the best atom anywhere (alternating projection: Ziskind & Wax 1988, for brain sources Adler et al. 2022), dropped where
/// they explain less than τ, and added where they explain more, until no exchange, drop or addition lowers the objective.
/// That is a local minimum of a problem without tractable certificate; the best over the starts is returned. Each move
/// lowers the objective, so the moves end.
public struct SubsetSelection: Sendable {
    /// τ: what an atom must explain of ‖Y‖² to be worth its place.
    public var charge: Double
    /// Most atoms.
    public var maximumCount: Int

    /// A selection.
    ///
    /// - Parameter charge: τ, positive.
    public init(charge: Double, maximumCount: Int = 30) {
        self.charge = charge
        self.maximumCount = maximumCount
    }

    /// What was selected.
    public struct Outcome: Sendable {
        /// The atoms, ordered by block.
        public let atoms: [AtomDictionary.Atom]
        /// Coefficients over the columns of the atoms in their order, T × columns.
        public let coefficients: Matrix
        /// By how much the objective without its charges would rise without each atom, the others refitted.
        public let scores: [Double]
        /// The objective at the end of the descent from each start.
        public let objectives: [Double]
        /// Whether no exchange, drop or addition lowers the objective; else the descent was cut short.
        public let isSettled: Bool
        /// Looks at all atoms, over all starts.
        public let looks: Int
        /// Whether the caller cancelled.
        public let isCancelled: Bool

        /// The objective: the smallest of ``objectives``.
        public var objective: Double { objectives.min() ?? .nan }
    }

    /// Where a descent from one start ended.
    private struct Descent {
        var atoms: [AtomDictionary.Atom]
        var sight: SubsetLook.Sight
        var objective: Double
        var isSettled: Bool
    }

    /// Selects atoms.
    ///
    /// - Parameters:
    ///   - dictionary: what can be selected; at most one atom of a block is.
    ///   - response: Y, n × T.
    ///   - starts: subsets to begin with, beside the empty one.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` for a charge that is not a positive number.
    /// - Complexity: O(q·k²) a look at all atoms, k columns in the subset, and O(n·q) for every new atom; memory O(q·k).
    public func run(
        _ dictionary: AtomDictionary, response: Matrix, starts: [[AtomDictionary.Atom]] = [],
        monitor: Monitor = .silent
    ) throws(InvalidPenalty) -> Outcome {
        guard charge > 0, charge.isFinite else {
            throw .shape(name: "the charge for a source", value: charge, expected: "a positive number")
        }
        var look = SubsetLook(dictionary, response)
        let total = response.squaredNorm
        var best: Descent?
        var objectives: [Double] = []
        for start in [[]] + starts {
            guard let end = descend(from: start, &look, total, monitor) else { continue }
            objectives.append(end.objective)
            // A later start must be better by more than rounding.
            if best.map({ end.objective < $0.objective - 1e-10 * total }) ?? true { best = end }
            if monitor.isCancelled() { break }
        }
        guard let best else {
            return Outcome(
                atoms: [], coefficients: Matrix(rows: response.columns, columns: 0), scores: [], objectives: [total],
                isSettled: false, looks: look.looks, isCancelled: monitor.isCancelled())
        }
        let order = best.atoms.indices.sorted { best.atoms[$0].block < best.atoms[$1].block }
        let atoms = order.map { best.atoms[$0] }
        let sight = look.look(at: atoms, wantsPrices: false) ?? best.sight
        return Outcome(
            atoms: atoms, coefficients: sight.coefficients, scores: sight.own, objectives: objectives,
            isSettled: best.isSettled, looks: look.looks, isCancelled: monitor.isCancelled())
    }

    private func descend(
        from start: [AtomDictionary.Atom], _ look: inout SubsetLook, _ total: Double, _ monitor: Monitor
    ) -> Descent? {
        var atoms: [AtomDictionary.Atom] = []
        var blocks = Set<Int>()
        for atom in start where atoms.count < maximumCount && blocks.insert(atom.block).inserted { atoms.append(atom) }
        let tolerance = 1e-9 * total
        guard var sight = look.look(at: atoms) else { return nil }
        func objective(_ sight: SubsetLook.Sight) -> Double {
            total - sight.explained + charge * Double(sight.own.count)
        }
        while true {
            monitor.report(.init(stage: "refining", detail: "\(atoms.count) sources"))
            var next: [AtomDictionary.Atom]?
            let gains = atoms.indices.map { (sight.exchanges[$0]?.score ?? 0) - sight.own[$0] }
            if let i = gains.indices.max(by: { gains[$0] < gains[$1] }), gains[i] > tolerance,
                let better = sight.exchanges[i]
            {
                next = atoms
                next?[i] = better.atom
            } else if let i = sight.own.indices.min(by: { sight.own[$0] < sight.own[$1] }), sight.own[i] < charge {
                next = atoms
                next?.remove(at: i)
            } else if let addition = sight.addition, addition.score > charge + tolerance {
                guard atoms.count < maximumCount else { break }
                next = atoms + [addition.atom]
            }
            // Every move lowers the objective; one that does not, by rounding, is not made.
            guard let next, !monitor.isCancelled(), let there = look.look(at: next),
                objective(there) < objective(sight)
            else {
                return Descent(
                    atoms: atoms, sight: sight, objective: objective(sight),
                    isSettled: next == nil || !monitor.isCancelled())
            }
            (atoms, sight) = (next, there)
        }
        return Descent(atoms: atoms, sight: sight, objective: objective(sight), isSettled: false)
    }
}
