import Dispatch
import Foundation
public final class DT: @unchecked Sendable {
    public static let shared = DT()
    public var sums: [String: (Double, Int)] = [:]
    @inline(never) public func time<R>(_ name: String, _ body: () -> R) -> R {
        let a = DispatchTime.now().uptimeNanoseconds
        let r = body()
        let d = Double(DispatchTime.now().uptimeNanoseconds - a) * 1e-6
        let o = sums[name] ?? (0, 0)
        sums[name] = (o.0 + d, o.1 + 1)
        return r
    }
    public func dump() {
        for (k, v) in sums.sorted(by: { $0.value.0 > $1.value.0 }) { FileHandle.standardError.write(Data(("   \(k) \((v.0 * 100).rounded() / 100) ms x \(v.1)\n").utf8)) }
    }
}
