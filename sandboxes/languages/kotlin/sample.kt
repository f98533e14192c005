// A program of the usual kind: the classes that it loads are the ones that most programs load.
import java.util.*
import kotlin.math.*

/** Words by their length, the longest first. */
fun byLength(words: List<String>): Map<Int, List<String>> {
    val found = mutableMapOf<Int, MutableList<String>>()
    for (word in words) {
        found.getOrPut(word.length) { mutableListOf() }.add(word.trim().lowercase())
    }
    return found.toSortedMap(reverseOrder())
}

fun numbers(values: List<Int>): List<Any> {
    val out = mutableListOf<Any>()
    out.add(values.filter { it % 2 == 0 }.map { it * 2 }.sorted().sum())
    out.add(values.sortedByDescending { abs(it) }.take(2).zip(values).toList())
    out.add(values.groupBy { it % 3 }.mapValues { it.value.maxOrNull() ?: 0 })
    out.add(values.windowed(2).flatten().toSet().joinToString(",") { "<$it>" })
    out.add((1..10 step 2).fold(1L) { product, x -> product * x })
    out.add((10 downTo 0).reversed().associateWith { it.toDouble().pow(2) + sqrt(2.0) })
    out.add(Regex("[a-z]+(\\d*)").findAll("ab1 cd22").map { it.groupValues[1] }.toList())
    out.add("a b c".split(" ").partition { it > "a" })
    out.add(StringBuilder("abc").reverse().toString().toCharArray().toSet())
    out.add(String.format("%.2f %5d", 1.5, 3))
    out.add(intArrayOf(3, 1, 2).sortedArray().contentToString())
    out.add(Array(2) { IntArray(2) }.contentDeepToString())
    out.add(arrayListOf(listOf(1, 2), listOf(3)).sortedWith(compareBy { it.size }))
    out.add(ArrayDeque(listOf(1)).size + PriorityQueue<Int>().size + Stack<Int>().size)
    out.add(when (val first = values.firstOrNull()) { null -> "none" else -> "is $first" })
    return out
}

fun main() {
    val got: Map<Int, List<String>> = byLength(listOf("one ", "three", "TWO"))
    if (got != mapOf(5 to listOf("three"), 4 to listOf("one"), 3 to listOf("two"))) {
        throw Exception("Exception -- test case 0 did not pass. x0 = " + got)
    }
    println(numbers(listOf(3, -1, 4, 1, -5)))
    try {
        throw Exception("Exception -- test case 1 did not pass. x1 = " + listOf(1))
    } catch (e: Exception) {
        println(e.message + e.stackTrace.size)
    }
}
