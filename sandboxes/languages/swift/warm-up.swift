// Compiled once when the image is made, so that every module of C headers lies in the cache.
import Dispatch
import Foundation
import FoundationNetworking
import Glibc
