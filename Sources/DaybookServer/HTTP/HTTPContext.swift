#if Server
import Hummingbird

/// What Hummingbird's router keeps of a request.
struct HTTPContext: RequestContext {
    var coreContext: CoreRequestContextStorage

    init(source: ApplicationRequestContextSource) { coreContext = CoreRequestContextStorage(source: source) }
}
#endif
