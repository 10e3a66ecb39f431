/// Which of several tasks folds: those slots whose number leaves `part` when it is divided by `parts`. The events of one key
/// are folded by one task, in order.
struct FoldShare: Sendable {
    var part = 0
    var parts = 1

    func has(_ slot: Int) -> Bool { parts == 1 || slot % parts == part }
}
