// InPlace: a field that keeps the type it stands in at its address.
//
// A large type of plain fields is copied, all of it, each time a method that does not change it is
// called and not inlined: measured 1,360 bytes, several times a command. A type with a field whose
// layout is not plain is passed by address instead.
// Not here: what is kept in place (the owners).

/// Stands in tables that must not be copied on the way into a method.
public struct InPlace: ~Copyable, Sendable {
  // An existential is always passed by address, and whatever holds one, too.
  private let nothing: any Sendable = ()

  public init() {}
}
