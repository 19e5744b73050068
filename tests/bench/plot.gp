# SPDX-License-Identifier: GPL-2.0-or-later
#
# The plot of the benchmark, by gnuplot: dir = where report left NAME.dat

caption(name) = system("sed -n '1s/^# //p' " . dir . "/" . name . ".dat")

set terminal svg noenhanced size 1000,520 font "sans,12" background "white"
set output dir . "/plot.svg"
set title "Instructions per I/O over null_blk, better mode of dm-crypt = 1 (lower is better)"
set label 1 caption("icount-6.12") . "\n" . caption("icount-7.3") \
	at screen 0.02,0.05 font "sans,9"
set bmargin 9
set style data histogram
set style histogram clustered gap 1.5
set style fill solid 0.9 border
set boxwidth 0.95
set grid ytics
set yrange [0:1.4]
set xtics rotate by 40 right font "sans,10"
set key top left horizontal
plot dir . "/icount-6.12.dat" using 2:xtic(1) title "evs, 6.12" linecolor rgb "#1f77b4", \
     dir . "/icount-7.3.dat" using 2 title "evs, 7.3" linecolor rgb "#7fb2d9", \
     dir . "/icount-6.12.dat" using 3 title "cipher and twice null_blk, 6.12" linecolor rgb "#bbbbbb", \
     1 with lines linecolor rgb "#d62728" title "dm-crypt"
