/// A search for the subset of ``SubsetSelection`` for one response: its steps go on from the scores of the one before.
///
/// Not for use by several threads at once.
public final class SubsetSearch {
    /// ``SubsetSelection/Outcome``.
    public typealias Outcome = SubsetSelection.Outcome

    private let power: AtomDictionary.Power
    /// ‖Y‖².
    private let total: Double
    private let monitor: Monitor
    /// Looks at all atoms so far.
    private var looks = 0
    private let dictionary: AtomDictionary
    private let charges: Charges
    private let maximumCount: Int
    private let scores: AtomScores

    /// What atoms have to be worth.
    private struct Charges {
        let base: Double
        /// What the charge of an atom is below the base, a number a block; nil where it is the same for all.
        let relief: [Double]?
        /// What it is above for an atom that turns.
        let turning: Double

        /// What is preferred at a block.
        func relief(at block: Int) -> Double { relief?[block] ?? 0 }

        func relief(_ atom: AtomDictionary.Atom) -> Double { relief(at: atom.block) - (atom.turns ? turning : 0) }

        /// Of an atom.
        func of(_ atom: AtomDictionary.Atom) -> Double { base - relief(atom) }

        /// Of a subset.
        func of(_ fit: SubsetFit) -> Double { fit.atoms.reduce(0) { $0 + of($1) } }
    }

    /// The part of a charge that an atom of several columns has to gain by another direction, or family, at its block: directions
    /// are continuous, and less is not worth a look at all atoms.
    private static let turn = 0.01

    /// 2 log 20: what the evidence of another error term has to gain.
    private static let doubt = 6.0

    /// Where a descent from one start ended.
    private struct Descent {
        var fit: SubsetFit
        var objective: Double
        var isSettled: Bool
    }

    init(
        _ selection: SubsetSelection, _ dictionary: AtomDictionary, _ power: AtomDictionary.Power, _ monitor: Monitor
    ) {
        (self.dictionary, self.power, self.monitor) = (dictionary, power, monitor)
        total = power.response.squaredNorm
        charges = Charges(base: selection.charge, relief: selection.relief, turning: dictionary.turning)
        maximumCount = selection.maximumCount
        scores = AtomScores(beside: SubsetFit(to: power), of: power, in: dictionary, relief: charges.relief)
    }

    // MARK: - Steps

    /// Selects atoms.
    ///
    /// - Parameters:
    ///   - starts: subsets to begin with, beside the empty one, the atoms that matter most first. One that cannot be fitted,
    ///     since its atoms coincide, is left out; so are a second atom of a block and atoms beyond the most.
    ///   - spare: how many atoms more a start may have than the best subset before it: others are left out. Most would be
    ///     exchanged and dropped again one at a time.
    /// - Complexity: O(q·w·(n + k)) a look at all atoms, for k columns in the subset and atoms of w; memory 2k numbers a
    ///   column of every family.
    public func run(starts: [[AtomDictionary.Atom]] = [], spare: Int = .max) -> Outcome {
        let before = looks
        var best = descend(from: SubsetFit(to: power))
        var objectives = [best.objective]
        for start in starts where !monitor.isCancelled() {
            var blocks = Set<Int>()
            let most = min(maximumCount, best.fit.atoms.count + min(spare, maximumCount))
            let atoms = Array(start.filter { blocks.insert($0.block).inserted }.prefix(max(0, most)))
            guard let fit = fit(atoms) else { continue }
            let end = descend(from: fit)
            objectives.append(end.objective)
            // A later start must be better by more than rounding.
            if end.objective < best.objective - 1e-10 * total { best = end }
        }
        let fit = ordered(best.fit)
        return Outcome(
            atoms: fit.atoms, coefficients: fit.coefficients, scores: fit.dropCosts, objectives: objectives,
            isSettled: best.isSettled, looks: looks - before, isCancelled: monitor.isCancelled())
    }

    /// As many atoms as were selected, exchanged until no exchange lowers ‖Y − fit‖² + ridge: none is dropped or added.
    ///
    /// - Parameter outcome: of this or another search for the same response, its atoms in terms of this dictionary.
    /// - Returns: the atoms with their scores; starts, looks so far and whether that search was settled are the outcome's.
    ///   The outcome itself where, but for rounding, its atoms depend on one another.
    /// - Complexity: as ``run(starts:spare:)`` from one start.
    public func exchanged(_ outcome: Outcome) -> Outcome {
        guard let start = fit(outcome.atoms) else { return outcome }
        let before = looks
        return other(outcome, descend(from: start, onlyExchanging: true).fit, since: before)
    }

    /// The number of atoms by what errors of their fields leave of the evidence.
    ///
    /// From what was selected atoms are taken away one by one, the one that costs least first; whenever fewer are left they
    /// are exchanged until no exchange lowers ‖Y − fit‖². Of these subsets, one a number, that of the smallest
    /// ‖Y − fit‖² + ridge + τ·|S| + ``FieldError/evidence`` is returned: an atom that tells but an error of the others is
    /// none.
    ///
    /// - Parameters:
    ///   - outcome: of a search for the same response, its atoms in terms of this dictionary.
    ///   - errors: error terms to choose among, at least one; each has to be better than the one before by odds of twenty.
    ///   - allowsCancelling: whether an atom may have a field of more power than the response, cancelled by others. Fields
    ///     that err do not cancel so well, whatever a residual says.
    /// - Returns: the subset as an outcome, the number of the error term, and the objective of the best subset of each
    ///   number of atoms under it, from none on; NaN where there is none.
    /// - Complexity: as of a run from a start of so many atoms, for each number of them.
    public func thinned(
        _ outcome: Outcome, errors: [FieldError], allowsCancelling: Bool = true
    ) -> (outcome: Outcome, error: Int, objectives: [Double]) {
        precondition(!errors.isEmpty)
        let before = looks
        guard let first = self.fit(outcome.atoms) else { return (outcome, 0, []) }
        var fits = [first]
        while let fit = fits.last, !fit.atoms.isEmpty, !monitor.isCancelled() {
            let least = fit.atoms.indices.min { fit.dropCosts[$0] < fit.dropCosts[$1] } ?? 0
            var fewer = fit.atoms
            fewer.remove(at: least)
            guard let start = self.fit(fewer, after: fit) else { break }
            fits.append(descend(from: start, onlyExchanging: true).fit)
        }
        var bases = FieldError.Bases()
        let values = fits.map { fit in
            errors.enumerated().map { number, error in
                objective(fit) + error.evidence(of: fit, to: power, in: dictionary, &bases)
                    + Self.doubt * error.noise * Double(number)
            }
        }
        let eligible = fits.indices.filter { allowsCancelling || !isCancelling(fits[$0]) }
        var best = (error: 0, fit: eligible.first ?? 0)
        for e in errors.indices {
            for f in eligible where values[f][e] < values[best.fit][best.error] { best = (e, f) }
        }
        var objectives = [Double](repeating: .nan, count: first.atoms.count + 1)
        for (fit, value) in zip(fits, values) { objectives[fit.atoms.count] = value[best.error] }
        return (other(outcome, fits[best.fit], since: before), best.error, objectives)
    }

    // MARK: - Moves

    /// Other atoms than those of an outcome, ordered by block.
    private func other(_ outcome: Outcome, _ fit: SubsetFit, since before: Int) -> Outcome {
        outcome.with(ordered(fit), looks: looks - before, isCancelled: monitor.isCancelled())
    }

    private func ordered(_ fit: SubsetFit) -> SubsetFit {
        self.fit(fit.atoms.sorted { $0.block < $1.block }, after: fit) ?? fit
    }

    /// Fits atoms; nil where, but for rounding, they depend on one another.
    private func fit(_ atoms: [AtomDictionary.Atom], after previous: SubsetFit? = nil) -> SubsetFit? {
        SubsetFit(atoms, to: power, in: dictionary, after: previous ?? scores.fit)
    }

    private func objective(_ fit: SubsetFit) -> Double { total - fit.explained + charges.of(fit) }

    /// Whether an atom has a field of more power than the response, which others cancel.
    private func isCancelling(_ fit: SubsetFit) -> Bool { fit.powers.contains { $0 > total } }

    /// Moves as long as that lowers the objective.
    ///
    /// - Parameter onlyExchanging: whether atoms are neither dropped nor added.
    private func descend(from start: SubsetFit, onlyExchanging: Bool = false) -> Descent {
        var fit = start
        if onlyExchanging, fit.atoms.isEmpty {
            return Descent(fit: fit, objective: objective(fit), isSettled: true)
        }
        scores.move(to: fit)
        descent: while true {
            monitor.report(.init(stage: "refining", detail: "\(fit.atoms.count) sources"))
            looks += 1
            var isSettled = true
            for next in moves(from: fit, onlyExchanging: onlyExchanging) {
                // No room for another atom, no time, or no fit but for rounding: a move that may have been better.
                guard next.count <= max(fit.atoms.count, maximumCount), !monitor.isCancelled(),
                    let there = self.fit(next, after: fit)
                else {
                    isSettled = false
                    continue
                }
                if objective(there) < objective(fit) {
                    fit = there
                    scores.move(to: fit)
                    continue descent
                }
            }
            return Descent(fit: fit, objective: objective(fit), isSettled: isSettled)
        }
    }

    /// The subsets that should lower the objective by what the scores say, the one to try first at the head: exchanges,
    /// the one that gains most first, drops, the one that costs least first, and the best addition.
    private func moves(from fit: SubsetFit, onlyExchanging: Bool) -> [[AtomDictionary.Atom]] {
        let (atoms, tolerance) = (fit.atoms, 1e-9 * total)
        let costs = atoms.indices.map { fit.dropCosts[$0] + charges.relief(atoms[$0]) }
        let gains = atoms.indices.map { i in
            scores.exchanges[i].map { $0.score + charges.relief(at: $0.atom.block) - costs[i] } ?? -costs[i]
        }
        var moves: [[AtomDictionary.Atom]] = []
        for i in atoms.indices.sorted(by: { (gains[$0], $1) > (gains[$1], $0) }) where gains[i] > tolerance {
            guard let exchange = scores.exchanges[i] else { continue }
            if dictionary.keepsDirections, exchange.atom.block == atoms[i].block,
                gains[i] < Self.turn * charges.base
            {
                continue
            }
            moves.append(atoms)
            moves[moves.count - 1][i] = exchange.atom
        }
        if onlyExchanging { return moves }
        for i in atoms.indices.sorted(by: { (costs[$0], $0) < (costs[$1], $1) }) where costs[i] < charges.base {
            moves.append(atoms)
            moves[moves.count - 1].remove(at: i)
        }
        if let addition = scores.addition,
            addition.score + charges.relief(at: addition.atom.block) > charges.base + tolerance
        {
            moves.append(atoms + [addition.atom])
        }
        return moves
    }
}
