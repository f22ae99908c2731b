@main struct ExbenchMain { static func main() {} }
