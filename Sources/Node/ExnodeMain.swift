@main struct ExnodeMain { static func main() {} }
