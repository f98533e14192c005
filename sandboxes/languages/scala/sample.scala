// A program of the usual kind: the classes that it loads are the ones that most programs load.
import scala.collection.mutable

object Sample extends App {
    /** Words by their length. */
    def byLength(words : List[String]) : Map[Int, List[String]] = {
        words.map(_.trim.toLowerCase).groupBy(_.length).mapValues(_.sorted).map { case (k, v) => k -> v }
    }

    def numbers(values : List[Int]) : List[Any] = {
        val seen = mutable.Map[Int, Int]().withDefaultValue(0)
        for (value <- values if value > 0; i <- 0 until value by 2) seen(i) += value
        val buffer = mutable.ListBuffer[Int]() ++= values
        buffer += seen.values.sum
        val array = Array.ofDim[Int](2, 2)
        array(1)(0) = values.max
        var i = 0
        while (i < 2) { array(0)(i) = i; i += 1 }
        List(
            values.filter(_ % 2 == 0).sortBy(-_).zipWithIndex.toMap,
            values.sliding(2).toList.flatten.distinct.mkString("<", ",", ">"),
            (1 to 5).foldLeft(1L)(_ * _), values.reduceLeft(_ max _), BigInt(2).pow(70), 3.7.round,
            "a1 b22".split(" ").toSeq, "[a-z]+\\d*".r.findAllIn("ab1 cd22").toList, "abc".reverse.toSet,
            f"${1.5}%.2f", s"${values.head}", math.sqrt(2), array.map(_.toList).toList, buffer.toList,
            values.combinations(2).toList, values.sorted.takeRight(2), values.partition(_ > 0),
            values.headOption match { case Some(x) if x > 1 => x case _ => 0 },
            new mutable.HashSet[String]() ++ Set("a"), Vector(1) :+ 2, mutable.ArrayBuffer(1), Array(1, 2).sum
        )
    }

    var arg00 : List[String] = List("one ", "three", "TWO")
    var x0 : Map[Int, List[String]] = byLength(arg00)
    var v0 : Map[Int, List[String]] = Map(3 -> List("one", "two"), 5 -> List("three"))
    assert(x0 == v0, "Exception -- test case 0 did not pass. x0 = " + x0)
    println(numbers(List(3, -1, 4, 1, -5)))
    try assert(x0.isEmpty, "Exception -- test case 1 did not pass. x0 = " + x0)
    catch { case e : AssertionError => println(e.getMessage + e.getStackTrace.length) }
}
