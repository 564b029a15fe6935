/// One pass over the whole design: the norm of X_jᵀA for every block j.
///
/// This is the only work that grows with the number of sources; solvers count how often they do it. It runs in pieces
/// small enough for the cache, so nothing of the size of B is ever stored.
final class FullPass {
    private let problem: RegressionProblem
    private let samples: Int
    private let parallelism: Parallelism
    private let pieceBlocks: Int
    private let scratch: [Buffer]

    init(problem: RegressionProblem, samples: Int, parallelism: Parallelism) {
        self.problem = problem
        self.samples = samples
        self.parallelism = parallelism
        let blocks = problem.blocks
        let widest = (0..<blocks.count).reduce(1) { max($0, blocks.columns(of: $1).count) }
        pieceBlocks = max(1, 384 / widest)
        let pieces = (blocks.count + pieceBlocks - 1) / pieceBlocks
        let size = pieceBlocks * widest * samples
        scratch = (0..<min(parallelism.threads, max(1, pieces))).map { _ in Buffer(capacity: size) }
    }

    /// ‖X_jᵀA‖ for every block, with A n × samples.
    func run(_ matrix: Matrix) -> [Double] {
        var norms = [Double](repeating: 0, count: problem.blocks.count)
        matrix.elements.withUnsafeBufferPointer { a in
            norms.withUnsafeMutableBufferPointer { norms in
                guard let a = a.baseAddress, let norms = norms.baseAddress else { return }
                run(a, into: norms)
            }
        }
        return norms
    }

    /// The same over pointers; nothing is allocated.
    func run(_ matrix: UnsafePointer<Double>, into norms: UnsafeMutablePointer<Double>) {
        let n = problem.rowCount
        let t = samples
        let workers = scratch.count
        let blocks = problem.blocks
        problem.design.elements.withUnsafeBufferPointer { design in
            guard let design = design.baseAddress else { return }
            nonisolated(unsafe) let x = design
            nonisolated(unsafe) let a = matrix
            nonisolated(unsafe) let result = norms
            nonisolated(unsafe) let scratch = scratch
            Parallelism(threads: workers).forEachPiece(of: blocks.count, piece: pieceBlocks) { piece, items in
                // Pieces are dealt out in turn, so pieces of one worker never run at the same time.
                let h = scratch[piece % workers].pointer
                let first = blocks.offsets[items.lowerBound]
                let width = blocks.offsets[items.upperBound] - first
                BLAS.gemm(true, false, t, width, n, 1, a, n, x + first * n, n, 0, h, t)
                for j in items {
                    let columns = blocks.columns(of: j)
                    result[j] = BLAS.norm(columns.count * t, h + (columns.lowerBound - first) * t)
                }
            }
        }
    }
}
