import DaybookCore

/// `PerformUpkeepRequest`.
package struct UpkeepRequest: WireMessage {
    /// Chosen by the caller, who asks by it how far the task is.
    package let id: EventID
    package let task: UpkeepTask

    package init(_ task: UpkeepTask, id: EventID) {
        self.id = id
        self.task = task
    }

    package func write(to writer: inout WireWriter) {
        writer.message(1, id)
        writer.message(2, task)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var id: EventID?
        var task: UpkeepTask?
        while let field = try reader.next() {
            switch field.number {
            case 1: id = try reader.message(field, EventID.self)
            case 2: task = try reader.message(field, UpkeepTask.self)
            default: break
            }
        }
        guard let id, let task else { throw WireError("The request has no identifier, or no task.") }
        self.init(task, id: id)
    }
}

/// `PerformUpkeepResponse`.
package struct UpkeepReport: WireMessage {
    /// JSON.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package func write(to writer: inout WireWriter) { writer.data(1, bytes) }

    package init(wire reader: inout WireReader) throws(WireError) {
        var bytes: [UInt8] = []
        while let field = try reader.next() {
            if field.number == 1 { bytes = Array(try reader.data(field)) }
        }
        self.init(bytes)
    }
}

/// `UpkeepProgressRequest`.
package struct UpkeepProgressRequest: WireMessage {
    package let id: EventID

    package init(_ id: EventID) { self.id = id }

    package func write(to writer: inout WireWriter) { writer.message(1, id) }

    package init(wire reader: inout WireReader) throws(WireError) {
        var id: EventID?
        while let field = try reader.next() {
            if field.number == 1 { id = try reader.message(field, EventID.self) }
        }
        guard let id else { throw WireError("The request has no identifier.") }
        self.init(id)
    }
}

/// `UpkeepProgressResponse`.
package struct MaybeProgress: WireMessage {
    /// Nil when nothing was told of the task yet, or it has ended.
    package let progress: UpkeepProgress?

    package init(_ progress: UpkeepProgress?) { self.progress = progress }

    package func write(to writer: inout WireWriter) {
        guard let progress else { return }
        writer.number(1, optional: progress.done)
        writer.number(2, progress.total)
        writer.number(3, progress.step.rawValue)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var done: Int64?
        var total: Int64 = 0
        var step = UpkeepProgress.Step.working
        while let field = try reader.next() {
            switch field.number {
            case 1: done = try reader.number(field)
            case 2: total = try reader.number(field)
            case 3: step = UpkeepProgress.Step(rawValue: try reader.number(field)) ?? .working
            default: break
            }
        }
        self.init(done.map { UpkeepProgress(step, done: $0, total: total) })
    }
}
